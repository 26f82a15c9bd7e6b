-- Up Migration
-- Ended runs are not kept for ever. Many that go at once are one row of the audit trail for each source: what they did is in it already.

create index runs_ended on sync.runs (ended_at) where ended_at is not null;

drop trigger audit_removed on sync.runs;
create function sync.audit_runs_removed() returns trigger language plpgsql as $$
begin
  insert into sync.audit_log (org_id, action, subject, facts)
  select org_id, case count(*) when 1 then 'run.removed' else 'runs.removed' end, case count(*) when 1 then min(run_id::text) else source end,
    jsonb_strip_nulls(case count(*)
      when 1 then jsonb_build_object('source', source, 'from', min(state))
      else jsonb_build_object('source', source, 'runs', count(*), 'first', min(run_id::text), 'last', max(run_id::text)) end)
  from gone join sync.connections c using (org_id, source) group by org_id, source order by org_id, source;
  return null;
end $$;
create trigger audit_removed after delete on sync.runs referencing old table as gone
  for each statement execute function sync.audit_runs_removed();

-- Down Migration
drop trigger audit_removed on sync.runs;
drop function sync.audit_runs_removed;
create constraint trigger audit_removed after delete on sync.runs deferrable initially deferred
  for each row execute function sync.audit_run();
drop index sync.runs_ended;
