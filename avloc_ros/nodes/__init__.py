"""The only room that imports rclpy: thin lifecycle nodes, parameters, conversions, diagnostics."""
