"""The front ends of online endpoints: what Azure does between a client and the containers; `server` opens them."""
