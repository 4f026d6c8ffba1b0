# The state table, and the topic for notices; each only where none is given.

locals {
  state_table     = var.state_table_name == null ? aws_dynamodb_table.state[0].name : var.state_table_name
  state_table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.state_table}"

  topic      = var.topic_arn == null ? aws_sns_topic.notices[0].arn : var.topic_arn
  topic_keys = var.topic_arn == null ? [aws_kms_key.notices[0].arn] : [for key in [var.topic_key_arn] : key if key != null]
}

resource "aws_dynamodb_table" "state" {
  count = var.state_table_name == null ? 1 : 0

  name                        = "${var.name}-state"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = true

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "by_time_pk"
    type = "S"
  }

  attribute {
    name = "by_time_sk"
    type = "S"
  }

  attribute {
    name = "by_time_shard"
    type = "S"
  }

  attribute {
    name = "due_pk"
    type = "S"
  }

  attribute {
    name = "due_at_ms"
    type = "N"
  }

  global_secondary_index {
    name            = "by-time"
    hash_key        = "by_time_pk"
    range_key       = "by_time_sk"
    projection_type = "ALL"
  }

  global_secondary_index {
    name            = "by-time-sharded"
    hash_key        = "by_time_shard"
    range_key       = "by_time_sk"
    projection_type = "KEYS_ONLY"
  }

  global_secondary_index {
    name            = "due"
    hash_key        = "due_pk"
    range_key       = "due_at_ms"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  # Without it a rollback could be done twice, and nobody would know what was bad.
  lifecycle {
    prevent_destroy = true
  }
}

# CloudWatch cannot publish to a topic under the key of AWS, whose policy nobody can change.
data "aws_iam_policy_document" "notices_key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "CloudWatchAlarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_kms_key" "notices" {
  count = var.topic_arn == null ? 1 : 0

  description         = "Notices of model-rollback, and alarms on it"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.notices_key.json
}

resource "aws_sns_topic" "notices" {
  count = var.topic_arn == null ? 1 : 0

  name              = "${var.name}-notices"
  display_name      = "Model rollback"
  kms_master_key_id = aws_kms_key.notices[0].arn
}

data "aws_iam_policy_document" "notices" {
  count = var.topic_arn == null ? 1 : 0

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notices[0].arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "CloudWatchAlarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notices[0].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "notices" {
  count = var.topic_arn == null ? 1 : 0

  arn    = aws_sns_topic.notices[0].arn
  policy = data.aws_iam_policy_document.notices[0].json
}
