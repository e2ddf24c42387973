SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

SELECT create_distributed_table('answered_request', 'list_id', colocate_with => 'block_list');
