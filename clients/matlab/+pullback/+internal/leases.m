function text = leases(session, threads)
%LEASES  What these threads, [] for all, wait for while trials are out, for people; '' where they wait for none.

  text = '';
  status = pullback.status(session);
  lacking = 0;
  waiting = [];
  for i = 1:numel(status.threads)
    record = status.threads(i);
    if strcmp(record.state, 'THREAD_STATE_OPEN') && (isempty(threads) || any(threads == record.thread))
      current = record.current;
      images = current.images - current.scored - current.dropped - current.carried;
      if images > 0
        lacking = lacking + images;
        waiting(end + 1) = record.thread;
      end
    end
  end
  if lacking == 0
    return
  end
  % Every lease began when something was written, so none ends later.
  written = datenum(status.update_time(1:19), 'yyyy-mm-ddTHH:MM:SS');
  ends = datestr(written + sscanf(status.spec.lease, '%f') / 86400, 'yyyy-mm-dd HH:MM:SS');
  text = sprintf(['%s has nothing to show: the trials of %d images of thread %s were asked for and not told. They ' ...
    'are shown again when their lease ends, at %s UTC at the latest; telling them, or ' ...
    'pullback.tell(session, {}, [], ''end_generation'', %s), ends the wait. pullback.reclaim takes ' ...
    'back at once those of a program that is gone'], ...
    session.name, lacking, strjoin(arrayfun(@num2str, waiting, 'UniformOutput', false), ', '), ends, mat2str(waiting));
end
