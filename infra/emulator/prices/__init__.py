"""Azure's Retail Prices API: a list of prices, filters as its public document describes them, and pages."""
