function raise_failure(session, threads)
%RAISE_FAILURE  Raises the error of the first of these threads, [] for all, that cannot go on, where there is one.

  codes = {'canceled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found', 'already_exists', ...
    'permission_denied', 'resource_exhausted', 'failed_precondition', 'aborted', 'out_of_range', 'unimplemented', ...
    'internal', 'unavailable', 'data_loss', 'unauthenticated'};
  status = pullback.status(session);
  for i = 1:numel(status.threads)
    record = status.threads(i);
    wanted = isempty(threads) || any(threads == record.thread);
    if wanted && isfield(record, 'error') && ~isempty(record.error)
      error(['pullback:' codes{record.error.code}], 'thread %d of %s cannot go on: %s', ...
        record.thread, session.name, record.error.message);
    end
  end
end
