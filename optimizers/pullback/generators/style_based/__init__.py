"""Networks of StyleGAN and StyleGAN2: a mapping network, and layers that its w styles."""
