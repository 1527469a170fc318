"""`python -m notifier` runs the service; `python -m notifier migrate` prepares its schema."""

from backorder_runtime.service import main
from notifier.bootstrap import notifier
from notifier.settings import NotifierSettings

if __name__ == "__main__":
    settings = NotifierSettings()
    main(notifier(settings), settings)
