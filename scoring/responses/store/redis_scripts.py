"""What Redis does for a store in one step, in Lua: the server's clock counts, since those of the instances may differ.

KEYS[1] is a key in the slot that all keys of the store share. ARGV: id, prefix of all keys, time limit (ms); then what
a script's own comment says. For each id there is a hash `record:ID` (payload, version, owner) that expires, its size
in `sizes`, its owner in `owners`, its age in `age` and `age:OWNER`; `totals` has the bytes of each owner and of `all`.
"""

COMMON = """
local id, prefix, limit_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function count(owner, bytes)
    for _, whose in ipairs({'all', ':' .. owner}) do
        if redis.call('HINCRBY', prefix .. 'totals', whose, bytes) <= 0 then
            redis.call('HDEL', prefix .. 'totals', whose)
        end
    end
end
local function taken(whose) return tonumber(redis.call('HGET', prefix .. 'totals', whose) or 0) end
local function forget(which)
    local size = redis.call('HGET', prefix .. 'sizes', which)
    if not size then return 0 end
    local owner = redis.call('HGET', prefix .. 'owners', which)
    redis.call('DEL', prefix .. 'record:' .. which)
    redis.call('ZREM', prefix .. 'age', which)
    redis.call('ZREM', prefix .. 'age:' .. owner, which)
    redis.call('HDEL', prefix .. 'sizes', which)
    redis.call('HDEL', prefix .. 'owners', which)
    count(owner, -size)
    return 1
end
for _, old in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'age', '-inf', now - limit_ms)) do forget(old) end
"""
# ARGV: size limit, share of one owner, whether its own oldest go (1).
ROOM = """
local limit, share, own_oldest_go = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local function room(owner)
    local free = limit - taken('all')
    if own_oldest_go then return math.min(share, free + taken(':' .. owner)) end
    return free
end
"""
KEEP = """
local function make_room(owner, whole, more)
    if more <= 0 then return true end
    if not own_oldest_go then return more <= room(owner) end
    local most = room(owner)
    if whole > most then return false end
    while taken(':' .. owner) + more > most do
        local oldest = redis.call('ZRANGE', prefix .. 'age:' .. owner, 0, 1)
        if oldest[1] == id then table.remove(oldest, 1) end
        if not oldest[1] then return false end
        forget(oldest[1])
    end
    return true
end
local function keep(payload, version, owner, old_size)
    local more = #payload - old_size
    if not make_room(owner, #payload, more) then return 'full' end
    redis.call('HSET', prefix .. 'record:' .. id, 'payload', payload, 'version', version, 'owner', owner)
    redis.call('PEXPIRE', prefix .. 'record:' .. id, limit_ms)
    redis.call('HSET', prefix .. 'sizes', id, #payload)
    redis.call('HSET', prefix .. 'owners', id, owner)
    redis.call('ZADD', prefix .. 'age', now, id)
    redis.call('ZADD', prefix .. 'age:' .. owner, now, id)
    count(owner, more)
    return 'done'
end
"""
# ARGV: those of ROOM, owner, payload.
ADD = f"""{COMMON}{ROOM}{KEEP}
if redis.call('HGET', prefix .. 'sizes', id) then return 'conflict' end
return keep(ARGV[8], 1, ARGV[7], 0)
"""
# ARGV: those of ROOM, version, payload.
REPLACE = f"""{COMMON}{ROOM}{KEEP}
local found = redis.call('HMGET', prefix .. 'record:' .. id, 'version', 'owner')
if found[1] ~= ARGV[7] then return 'conflict' end
return keep(ARGV[8], ARGV[7] + 1, found[2], tonumber(redis.call('HGET', prefix .. 'sizes', id) or 0))
"""
DELETE = f"{COMMON} return forget(id)"
# ARGV: those of ROOM, owner.
FREE = f"{COMMON}{ROOM} return room(ARGV[7])"
