-- Up Migration
-- Signals: who waits for something is told when it is committed, in place of looking for it again and again (ledger/signals.ts). A signal
-- may be lost; what it tells of stands in the tables.

create function sync.signal() returns trigger language plpgsql as $$
begin
  perform pg_notify(tg_argv[0], '');
  return null;
end $$;

create function sync.signal_run() returns trigger language plpgsql as $$
begin
  perform pg_notify('syncline_runs', new.run_id::text);
  return null;
end $$;

-- For each row, and not for each statement: a statement that changes nothing tells nothing. Equal signals of a transaction are sent once.
create trigger signal_added after insert on sync.runs for each row execute function sync.signal_run();
create trigger signal_changed after update of state on sync.runs for each row
  when (old.state is distinct from new.state) execute function sync.signal_run();

create trigger signal_ended after update of state on sync.ranges for each row
  when (old.state = 'open' and new.state <> 'open') execute function sync.signal('syncline_progress');
create trigger signal_swept after update of swept_at on sync.run_entities for each row
  when (old.swept_at is distinct from new.swept_at) execute function sync.signal('syncline_progress');
create trigger signal_sweep after update of sweep_requested_at on sync.run_entities for each row
  when (old.sweep_requested_at is distinct from new.sweep_requested_at) execute function sync.signal('syncline_sweeps');

create trigger signal_added after insert on sync.schedules for each row execute function sync.signal('syncline_schedules');
create trigger signal_changed after update of fires_at, paused_at on sync.schedules for each row
  when ((old.fires_at, old.paused_at) is distinct from (new.fires_at, new.paused_at)) execute function sync.signal('syncline_schedules');
create trigger signal_changed after insert or update on sync.source_health for each row
  execute function sync.signal('syncline_schedules');

create trigger signal_added after insert on sync.notifications for each row execute function sync.signal('syncline_notifications');
create trigger signal_added after insert on sync.asks for each row execute function sync.signal('syncline_asks');

-- Down Migration
drop trigger signal_added on sync.asks;
drop trigger signal_added on sync.notifications;
drop trigger signal_changed on sync.source_health;
drop trigger signal_changed on sync.schedules;
drop trigger signal_added on sync.schedules;
drop trigger signal_sweep on sync.run_entities;
drop trigger signal_swept on sync.run_entities;
drop trigger signal_ended on sync.ranges;
drop trigger signal_changed on sync.runs;
drop trigger signal_added on sync.runs;
drop function sync.signal_run;
drop function sync.signal;
