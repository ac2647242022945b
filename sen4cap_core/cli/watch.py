"""The watcher's process: ``python -m sen4cap_core.cli.watch``, started by ``sen4cap up``."""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Sequence
from types import FrameType

from sen4cap_core import redaction
from sen4cap_core.db.server.session import make_engine
from sen4cap_core.inbox.watcher import Watcher
from sen4cap_core.service.nudge import nudge_inbox
from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Watch until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="sen4cap-watch", description=__doc__)
    parser.add_argument(
        "--polling",
        action="store_true",
        default=None,
        help="compare listings instead of waiting for events (default: on network mounts)",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
    )
    redaction.install()
    settings = Settings()
    engine = make_engine(Place(settings).database_url(), application_name="sen4cap-watcher")
    watcher = Watcher(settings, engine, lambda n: nudge_inbox(settings, n), polling=options.polling)

    def stop(number: int, _: FrameType | None) -> None:
        logger.info("stopping on %s", signal.Signals(number).name)
        watcher.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        watcher.run()
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
