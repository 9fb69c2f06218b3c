"""What layers keep of a whole sequence, as vLLM 0.32 shapes it: Mamba, linear attention, convolutions."""

from __future__ import annotations

from infra.sizing.architecture.fields import Fields
from infra.sizing.architecture.records import LayerGroup, State

MAMBA_DTYPES = ("auto", "float32", "float16", "bfloat16")


def mamba_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of Mamba, of the models that are nothing else."""
    inner = fields.number("intermediate_size") or _inner(fields, "expand", 2)
    return _mamba(count, inner, fields.number("state_size") or 16, fields.number("conv_kernel") or 4)


def jamba_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of Mamba beside attention."""
    inner = _inner(fields, "mamba_expand", 2)
    return _mamba(count, inner, fields.number("mamba_d_state") or 16, fields.number("mamba_d_conv") or 4)


def mamba2_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of Mamba 2, of the models that are nothing else."""
    heads, size = fields.number("num_heads") or 128, fields.number("head_dim") or 64
    state, kernel = fields.number("state_size") or 128, fields.number("conv_kernel") or 4
    return _mamba2(
        count, _inner(fields, "expand", 2), heads * size * state, (_groups(fields, "n_groups", 8), state, kernel)
    )


def granite_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of Mamba 2 beside attention, as Granite 4 has them."""
    inner = _inner(fields, "mamba_expand", 2)
    state, kernel = fields.number("mamba_d_state") or 256, fields.number("mamba_d_conv") or 4
    return _mamba2(count, inner, inner * state, (_groups(fields, "mamba_n_groups", 1), state, kernel))


def falcon_layers(fields: Fields, count: int) -> LayerGroup:
    """The half of each layer of Falcon-H1 that is Mamba 2."""
    inner = fields.number("mamba_d_ssm") or (_inner(fields, "mamba_expand", 2) if fields.has("mamba_d_ssm") else 1024)
    state, kernel = fields.number("mamba_d_state") or 256, fields.number("mamba_d_conv") or 4
    return _mamba2(count, inner, inner * state, (_groups(fields, "mamba_n_groups", 1), state, kernel))


def nemotron_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of Mamba 2 beside attention, as Nemotron-H has them: their state is kept in float32."""
    inner = (fields.number("mamba_num_heads") or 128) * (fields.number("mamba_head_dim") or 64)
    state, kernel = fields.number("ssm_state_size") or 128, fields.number("conv_kernel", "mamba_d_conv") or 4
    groups = fields.number("n_groups", "mamba_n_groups") or 8
    dtype = fields.text("mamba_ssm_cache_dtype") or "float32"
    return _mamba2(count, inner, inner * state, (groups, state, kernel), dtype)


def delta_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of linear attention (gated delta net), as Qwen3-Next has them."""
    keys = (fields.number("linear_num_key_heads") or 16) * (key := fields.number("linear_key_head_dim") or 128)
    values = (fields.number("linear_num_value_heads") or 32) * (fields.number("linear_value_head_dim") or 128)
    kernel = fields.number("linear_conv_kernel_dim") or 4
    dtype = fields.text("mamba_ssm_dtype") if fields.model_type.startswith("qwen3_5") else ""
    state = (State((2 * keys + values) * (kernel - 1)), State(values * key, dtype or "auto", recurrent=True))
    return LayerGroup("linear", count, state=state)


def convolution_layers(fields: Fields, count: int) -> LayerGroup:
    """Layers of short convolutions, as LFM2 has them."""
    size = fields.number("conv_dim") or fields.needed("hidden_size")
    return LayerGroup("conv", count, state=(State(size * ((fields.number("conv_L_cache") or 3) - 1)),))


def divisors(fields: Fields) -> tuple[int, ...]:
    """The numbers of heads of the states, which tensor parallelism divides, too."""
    names = ("mamba_n_heads", "mamba_num_heads", "num_heads", "linear_num_key_heads", "linear_num_value_heads")
    groups = ("mamba_n_groups", "n_groups")  # of which one is copied, and several are divided
    heads = [value for name in names if (value := fields.number(name))]
    return (*heads, *(value for name in groups if (value := fields.number(name)) and value > 1))


def _mamba(count: int, inner: int, state: int, kernel: int) -> LayerGroup:
    return LayerGroup("mamba", count, state=(State(inner * (kernel - 1)), State(inner * state, recurrent=True)))


def _mamba2(count: int, inner: int, states: int, groups: tuple[int, int, int], dtype: str = "auto") -> LayerGroup:
    """`groups`: how many, the size of the state, and the kernel of the convolution that reads both."""
    many, state, kernel = groups
    convolution = State(inner * (kernel - 1), groups=many, of_group=2 * state * (kernel - 1))
    return LayerGroup("mamba2", count, state=(convolution, State(states, dtype, recurrent=True)))


def _inner(fields: Fields, name: str, otherwise: int) -> int:
    """The inner size, which is a multiple of the hidden one; the factor may be a fraction."""
    factor = fields.value(name)
    factor = factor if isinstance(factor, int | float) and not isinstance(factor, bool) else otherwise
    return int(factor * fields.needed("hidden_size"))


def _groups(fields: Fields, name: str, otherwise: int) -> int:
    return fields.number(name) or otherwise
