-- A node is checked step by step when a person wishes so; the collector that asks it next tells what it found.

ALTER TABLE schedule ADD COLUMN check_wished boolean;
COMMENT ON COLUMN schedule.check_wished IS 'the next scrape is to tell of its steps; null: no';

ALTER TABLE node_state ADD COLUMN last_check jsonb;
COMMENT ON COLUMN node_state.last_check IS 'NodeCheck; null: never checked';
