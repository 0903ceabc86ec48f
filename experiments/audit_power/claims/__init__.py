"""Claims beside gradients: products with Jacobians, second order, time steps, custom rules."""
