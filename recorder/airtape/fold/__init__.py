"""From records to what a run is: its rows, config, summary and state."""
