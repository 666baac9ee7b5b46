"""Networks that turn a CT window into deep and full-resolution features; see `omentum.model.universal.Backbone`."""
