-- How each virtual day of a run ended.
-- local
CREATE TABLE simulation.day (
    run_id     text   NOT NULL REFERENCES simulation.run,
    day        date   NOT NULL,
    day_close  jsonb  NOT NULL,
    PRIMARY KEY (run_id, day)
);

CREATE VIEW simulation.v_day AS
SELECT run_id, day, day_close FROM simulation.day;
