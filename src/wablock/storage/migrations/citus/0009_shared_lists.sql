SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

SELECT create_reference_table('shared_list');
SELECT create_reference_table('attachment');
