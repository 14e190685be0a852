function values = array(tensor)
%ARRAY  A vector or matrix of doubles from the contract's Tensor, whose rows come one after another.

  types = struct('DATA_TYPE_FLOAT32', 'single', 'DATA_TYPE_FLOAT64', 'double');
  numbers = double(typecast(uint8(matlab.net.base64decode(tensor.data)), types.(tensor.dtype)));
  shape = reshape(tensor.shape, 1, []);
  if isscalar(shape)
    values = reshape(numbers, [], 1);
  else
    values = reshape(numbers, shape(2), shape(1))';
  end
end
