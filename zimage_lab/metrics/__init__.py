"""Numbers about pictures, taken without the models that made them."""
