-- Up Migration
-- Healing: where a walk goes on behind each page, so that a range can be rewound to any of them; how often each page was healed;
-- and since when a run or an entity is in its state.

alter table sync.pages add column next jsonb;

-- One row per page that vanished on its way, whatever its attempt: the third healing is the last.
create table sync.heals (
  run_id uuid not null references sync.runs on delete cascade,
  range_id int not null,
  page int not null,
  times int not null,
  last_at timestamptz not null default now(),
  primary key (run_id, range_id, page)
);

alter table sync.runs add column state_since timestamptz not null default now();
alter table sync.run_entities add column state_since timestamptz not null default now();

create function sync.mark_state() returns trigger language plpgsql as $$
begin
  new.state_since := now();
  return new;
end $$;
create trigger runs_state before update on sync.runs for each row when (old.state is distinct from new.state) execute function sync.mark_state();
create trigger run_entities_state before update on sync.run_entities for each row when (old.state is distinct from new.state)
  execute function sync.mark_state();

-- Down Migration
drop trigger run_entities_state on sync.run_entities;
drop trigger runs_state on sync.runs;
drop function sync.mark_state();
alter table sync.run_entities drop column state_since;
alter table sync.runs drop column state_since;
drop table sync.heals;
alter table sync.pages drop column next;
