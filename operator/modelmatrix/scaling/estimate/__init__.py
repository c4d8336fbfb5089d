"""Estimators: demand forecast, seasonality, replica capacity, start-up times, safety margin."""
