function write(file, bytes)
%WRITE  Write bytes to a file.

  [stream, reason] = fopen(file, 'wb');
  if stream < 0
    error('pullback:file', 'cannot write %s: %s', file, reason);
  end
  closing = onCleanup(@() fclose(stream));
  if fwrite(stream, bytes, 'uint8') ~= numel(bytes)
    error('pullback:file', 'cannot write all of %s; is the disk full?', file);
  end
end
