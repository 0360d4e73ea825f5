"""Finding and reading runs that were recorded or synced: filters, orders, and `airtape.Api`."""
