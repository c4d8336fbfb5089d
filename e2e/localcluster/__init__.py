"""A real Kubernetes control plane on the loopback address, for tests and demos, without containers.

Programs are built from Go modules into a cache. kwok simulates nodes and pods; package ``engines`` simulates the engines.
Nothing here may depend on the operator beyond the names of its labels.
"""

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.options import Options, from_environment
from localcluster.shutdown import down
from localcluster.startup import Hook, attach, up

__all__ = ["Cluster", "Hook", "LocalClusterError", "Options", "attach", "down", "from_environment", "up"]
