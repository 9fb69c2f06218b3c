"""Azure's Retail Prices API."""
