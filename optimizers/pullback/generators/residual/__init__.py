"""Networks of BigGAN, BigGAN-deep, BigBiGAN and SNGAN, built from the tensors of their public files."""
