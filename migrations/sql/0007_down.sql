ALTER TABLE node_state DROP COLUMN last_check;
ALTER TABLE schedule DROP COLUMN check_wished;
