-- The rows of an order are written together, by one transaction that holds all of them, and never
-- deleted: looking each of them up again took a quarter of PostgreSQL's time for an order. The
-- audit finds rows that belong to nothing.

ALTER TABLE ordering.line DROP CONSTRAINT line_order_id_fkey;
ALTER TABLE ordering.part DROP CONSTRAINT part_order_id_fkey;
ALTER TABLE ordering.part_line DROP CONSTRAINT part_line_order_id_part_no_fkey;
ALTER TABLE ordering.part_line DROP CONSTRAINT part_line_order_id_line_no_fkey;
ALTER TABLE ordering.expectation DROP CONSTRAINT expectation_order_id_fkey;
