function message = tensor(array)
%TENSOR  A matrix as the contract's Tensor: float32, rows one after another.

  if ~isnumeric(array) || ~ismatrix(array)
    error('pullback:invalid_argument', 'expected a matrix of latents, one per row, but %s came', ...
      pullback.internal.shown(array));
  end
  bytes = typecast(reshape(single(array)', 1, []), 'uint8');
  message = struct('dtype', 'DATA_TYPE_FLOAT32', 'shape', size(array), 'data', matlab.net.base64encode(bytes));
end
