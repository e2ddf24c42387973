SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

SELECT create_reference_table('subscription');
SELECT create_distributed_table('subscription_cursor', 'list_id', colocate_with => 'block_list');
