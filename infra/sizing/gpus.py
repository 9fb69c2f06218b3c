"""The GPUs in the VM sizes of managed online endpoints: memory, bandwidth, arithmetic and generation.

Sources: bandwidth and arithmetic by NVIDIA's datasheets (T4, A10, V100, A100, H100 and H100 NVL), without sparsity;
memory as a program sees it, which is less than the datasheet's: PyTorch's `total capacity` in public logs of vLLM
(vllm-project/vllm#10511, #27508). Looked up in December 2026.
"""

from collections.abc import Mapping

from msgspec import Struct

GIB = 1 << 30


class Gpu(Struct, frozen=True):
    """A GPU, or the part of one that a VM gets."""

    name: str
    memory_gib: float
    """As a program sees it."""
    bandwidth: int
    """Of the memory, GB a second."""
    teraflops: Mapping[str, float]
    """Dense TFLOP/s of matrix products, by the type of numbers: `float16`, `bfloat16`, `fp8`, `int8`."""
    capability: tuple[int, int]
    """CUDA's compute capability, which says what kernels there are."""

    @property
    def in_words(self) -> str:
        """One of it."""
        return f"{'an' if self.name[0] in 'AH' else 'a'} {self.name}"

    @property
    def memory(self) -> int:
        """Bytes, as a program sees them."""
        return int(self.memory_gib * GIB)

    @property
    def generation(self) -> int:
        """The compute capability as vLLM counts it: 80 for 8.0."""
        return self.capability[0] * 10 + self.capability[1]

    @property
    def has_bfloat16(self) -> bool:
        """Whether it computes in bfloat16; vLLM takes float16 where it does not."""
        return self.generation >= 80

    @property
    def has_fp8(self) -> bool:
        """Whether it computes in FP8; where it does not, vLLM only keeps the weights so."""
        return self.generation >= 89


T4 = Gpu("T4", 14.56, 320, {"float16": 65, "int8": 130}, (7, 5))
V100 = Gpu("V100 32GB", 31.73, 900, {"float16": 125}, (7, 0))
A10 = Gpu("A10", 22.05, 600, {"float16": 125, "bfloat16": 125, "int8": 250}, (8, 6))
A100_40 = Gpu("A100 40GB", 39.39, 1555, {"float16": 312, "bfloat16": 312, "int8": 624}, (8, 0))
A100_PCIE = Gpu("A100 80GB", 79.15, 1935, {"float16": 312, "bfloat16": 312, "int8": 624}, (8, 0))
A100_SXM = Gpu("A100 80GB", 79.15, 2039, {"float16": 312, "bfloat16": 312, "int8": 624}, (8, 0))
H100_NVL = Gpu("H100 94GB", 93.0, 3938, {"float16": 835, "bfloat16": 835, "fp8": 1671, "int8": 1671}, (9, 0))
H100_SXM = Gpu("H100 80GB", 79.1, 3350, {"float16": 989, "bfloat16": 989, "fp8": 1979, "int8": 1979}, (9, 0))


def part_of(gpu: Gpu, parts: int) -> Gpu:
    """One of so many equal parts of a GPU, as NVIDIA's vGPU driver cuts it: time on it is shared in turns."""
    flops = {dtype: speed / parts for dtype, speed in gpu.teraflops.items()}
    return Gpu(f"1/{parts} {gpu.name}", gpu.memory_gib / parts, gpu.bandwidth // parts, flops, gpu.capability)
