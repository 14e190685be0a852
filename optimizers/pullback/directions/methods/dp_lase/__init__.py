"""DP-LaSE: directions that change a layer's features most while the prior's density stays."""
