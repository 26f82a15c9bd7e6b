-- Up Migration
-- What was done about dead letters. The place of a record (page attempt, entity, index) has one letter a round: a replay that
-- fails again ends its letter as 'replayed' and leaves one of the next round.

alter table sync.dead_letters
  add column state text not null default 'open' check (state in ('open', 'replaying', 'replayed', 'dropped')),
  -- replays of this place that came before this letter
  add column round int not null default 0,
  -- of a replayed one: what became of the record then
  add column outcome text,
  add column acted_by text,
  add column acted_at timestamptz,
  add column drop_reason text;

drop index sync.dead_letters_by_origin;
create unique index dead_letters_by_origin on sync.dead_letters (run_id, range_id, page, attempt, entity, index, round);
create index dead_letters_unsettled on sync.dead_letters (recorded_at) where state in ('open', 'replaying');

-- Down Migration
drop index sync.dead_letters_unsettled;
drop index sync.dead_letters_by_origin;
delete from sync.dead_letters where round > 0;
alter table sync.dead_letters
  drop column state, drop column round, drop column outcome, drop column acted_by, drop column acted_at, drop column drop_reason;
create unique index dead_letters_by_origin on sync.dead_letters (run_id, range_id, page, attempt, entity, index);
