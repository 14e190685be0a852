"""`python -m pullback_server.keeping`."""

from pullback_server.keeping.commands import main

raise SystemExit(main())
