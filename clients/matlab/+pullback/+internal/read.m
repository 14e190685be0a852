function bytes = read(file)
%READ  The bytes of a file, uint8 row.

  [stream, reason] = fopen(file, 'rb');
  if stream < 0
    error('pullback:file', 'cannot read %s: %s', file, reason);
  end
  closing = onCleanup(@() fclose(stream));
  bytes = fread(stream, [1, Inf], '*uint8');
end
