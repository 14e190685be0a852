"""Version 1 of the contract. Stubs are generated: edit the `.proto` files and run `make protos`."""
