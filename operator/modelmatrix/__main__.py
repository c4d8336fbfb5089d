"""``python -m modelmatrix``: runs the operator."""

from __future__ import annotations

import sys

from modelmatrix.cluster.credentials import CredentialsError
from modelmatrix.main import run
from modelmatrix.settings import Settings, with_settings
from modelmatrix.telemetry.logging_setup import configure_logging


def serve(settings: Settings) -> None:
    """Run the Model Matrix Operator."""
    configure_logging(settings.log_format, settings.log_level)
    try:
        sys.exit(run(settings))
    except (CredentialsError, OSError) as error:  # no credentials, or the address is in use
        sys.exit(f"modelmatrix: {error}")


if __name__ == "__main__":
    with_settings(serve)(prog_name="modelmatrix")
