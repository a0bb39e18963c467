"""Models side by side: measured in the same way, rated without their names, and put into a table that says how."""
