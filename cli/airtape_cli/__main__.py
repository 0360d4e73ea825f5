"""``python -m airtape_cli`` is ``tracker``, whatever else has that name on this machine."""

from airtape_cli.main import main

main()
