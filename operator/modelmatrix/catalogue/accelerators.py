"""What a contributor who adds a chip describes: its vendor, its family and the accelerator itself.

A vendor has a file in ``data/vendors``, a family one in ``data/families``, an accelerator one in ``data/accelerators``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.catalogue.entry import CatalogueEntry, Sources
from modelmatrix.catalogue.quantization import SupportEntry


class Vendor(CatalogueEntry):
    """A maker of accelerators, and what is the same for all of its chips.

    Attributes:
        id: The word that families, accelerators and engines use for the vendor, in lower case, e.g. ``nvidia``.
        launch_seconds_per_layer: Seconds that an engine spends in one layer of one step beyond reading weights: kernel
            launches and synchronisation. Measure the time per output token of one request on one device, subtract the
            bytes that a token reads divided by 80 % of the bandwidth, and divide by the layers. An accelerator whose
            software differs overrides it.
        sources: Where ``launch_seconds_per_layer`` comes from: the measurement, or the assumption until there is one.
    """

    id: str
    launch_seconds_per_layer: PositiveFloat
    sources: Sources


class Family(CatalogueEntry):
    """Accelerators of one vendor that run the same kernels, and which weights run on them: a column of the truth table.

    Attributes:
        id: The word that accelerators, images, conditions and engine support lists use, e.g. ``hopper``.
        vendor: ``id`` of the vendor.
        support: One entry for every quantization. An engine belongs in it when the engine's own documents list the
            format for this hardware.
    """

    id: str
    vendor: str
    support: dict[Quantization, SupportEntry]


class Teraflops(CatalogueEntry):
    """Dense peak compute by number format, in 10^12 operations per second; 0 where the format is not native.

    Data sheets often print the figure with sparsity, which is twice the dense one.
    """

    bf16: float = 0
    fp16: float = 0
    fp8: float = 0
    int8: float = 0
    fp4: float = 0


class DriverMount(CatalogueEntry):
    """A path of the node that a pod mounts where no device runtime brings the driver.

    Attributes:
        path: Absolute path on the node; the container sees the same path.
        multi_node: Whether only pods of a replica over several nodes need it, e.g. the network configuration.
    """

    path: str
    multi_node: bool = False


class Accelerator(CatalogueEntry):
    """One kind of device that Kubernetes schedules: a card, or a die where the device plugin counts dies.

    Attributes:
        id: What a pool names in ``spec.accelerator``: product and nominal memory, e.g. ``h20-96g``.
        vendor: ``id`` of the vendor; it agrees with the family's.
        family: ``id`` of the family: the chip runs what the family runs.
        product: The name that the vendor's tool prints, e.g. ``nvidia-smi -L`` or ``npu-smi info``.
        unit: What messages call one device: ``device``, ``card``, ``die`` or ``chip``.
        memory_mebibytes: Total memory of a device as the vendor's tool and node labels print it, in MiB.
        usable_gibibytes: Memory that the framework sees, in GiB: ``torch.cuda.mem_get_info()[1] / 2**30`` (or the same
            call of ``torch_npu``) on an idle device. It is below the nominal memory, and every fit is computed from it.
        bandwidth_gigabytes_per_second: Peak memory bandwidth in 10^9 bytes per second; 0 when it is not published. Then
            no latency bound is refuted on the chip.
        teraflops: Dense peak compute.
        launch_seconds_per_layer: As of the vendor, whose figure it is when the file gives none.
        devices_per_node: Devices of the usual server, e.g. 8.
        device_counts: Numbers of devices that one pod may request, ascending. Device plugins may allow only some.
        labels: Node labels that the vendor's feature discovery sets, with the values that nodes of this chip have. A
            node with another value is not counted.
        memory_label: The node label that gives the memory of one device, in MiB or with the suffix G; empty without one.
        resources: Extended resources under which device plugins offer the chip; a pool names one of them.
        architecture: CPU architecture of the usual server, ``amd64`` or ``arm64``: the image must exist for it.
        driver_mounts: Paths of the node for pools with ``driver: Host``.
        link: The links between devices, for readers.
        evidence: How sure the figures are: ``s`` for the vendor's own or measured several times, ``doc`` for documents
            without a measurement, ``w`` for weak or secondary; by figure where they differ, e.g. ``s mem; w bw``.
        sources: Documents, issues or measurements behind the figures.
        notes: Caveats for readers.
    """

    id: str
    vendor: str
    family: str
    product: str
    unit: str
    memory_mebibytes: int
    usable_gibibytes: float
    bandwidth_gigabytes_per_second: float = 0
    teraflops: Teraflops = Teraflops()
    launch_seconds_per_layer: PositiveFloat
    devices_per_node: int
    device_counts: tuple[int, ...]
    labels: dict[str, tuple[str, ...]]
    memory_label: str = ""
    resources: Annotated[tuple[str, ...], Field(min_length=1)]
    architecture: str
    driver_mounts: tuple[DriverMount, ...] = ()
    link: str = ""
    evidence: Annotated[str, Field(min_length=1)]
    sources: Sources
    notes: tuple[str, ...] = ()
