"""The report: tables, plots and the page that holds them."""
