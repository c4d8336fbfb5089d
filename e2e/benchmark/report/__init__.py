"""The report: tables, plots and the page that contains them."""
