-- Up Migration
-- Pages and landings have no foreign key to their run, which each of them would pay for: they go with it all the same, whoever removes it.

create function sync.remove_pages() returns trigger language plpgsql as $$
begin
  delete from sync.landings l using gone g where l.run_id = g.run_id;
  delete from sync.pages p using gone g where p.run_id = g.run_id;
  return null;
end $$;
-- Triggers fire in the order of their names: this one before `audit_removed`, whose lock is to be held for the commit only.
create trigger all_pages_removed after delete on sync.runs referencing old table as gone
  for each statement execute function sync.remove_pages();

-- Down Migration
drop trigger all_pages_removed on sync.runs;
drop function sync.remove_pages;
