# What the function may do, and nothing else.

data "aws_iam_policy_document" "function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

# What each function that moves pointers needs.
data "aws_iam_policy_document" "moves" {
  statement {
    # The query on the table itself reads the live log of one model.
    sid       = "State"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"]
    resources = [local.state_table_arn]
  }

  statement {
    sid       = "Notices"
    actions   = ["sns:Publish"]
    resources = [local.topic]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  dynamic "statement" {
    for_each = var.credentials_secret_arn == null ? [] : [var.credentials_secret_arn]

    content {
      sid       = "Credentials"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = local.sagemaker_arns

    content {
      sid = "Registry"

      actions = [
        "sagemaker:CallMlflowAppApi",
        "sagemaker-mlflow:GetLatestModelVersions",
        "sagemaker-mlflow:GetModelVersion",
        "sagemaker-mlflow:GetModelVersionByAlias",
        "sagemaker-mlflow:GetRegisteredModel",
        "sagemaker-mlflow:GetLoggedModel",
        "sagemaker-mlflow:GetRun",
        "sagemaker-mlflow:SearchModelVersions",
        "sagemaker-mlflow:SearchRegisteredModels",
        "sagemaker-mlflow:SetModelVersionTag",
        "sagemaker-mlflow:SetRegisteredModelAlias",
        "sagemaker-mlflow:TransitionModelVersionStage",
      ]

      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = compact([var.mlflow_role_arn])

    content {
      sid       = "RegistryRole"
      actions   = ["sts:AssumeRole"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.slack_secret_arn == null ? [] : [var.slack_secret_arn]

    content {
      sid       = "Slack"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.teams_secret_arn == null ? [] : [var.teams_secret_arn]

    content {
      sid       = "Teams"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.pager_duty_secret_arn == null ? [] : [var.pager_duty_secret_arn]

    content {
      sid       = "PagerDuty"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.webhook_secret_arn == null ? [] : [var.webhook_secret_arn]

    content {
      sid       = "Webhook"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.event_bus_arn == null ? [] : [var.event_bus_arn]

    content {
      sid       = "EventBus"
      actions   = ["events:PutEvents"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.smoke_check_function_arn == null ? [] : [var.smoke_check_function_arn]

    content {
      sid       = "SmokeCheck"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.reload_function_arn == null ? [] : [var.reload_function_arn]

    content {
      sid       = "Reload"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = local.topic_keys

    content {
      sid       = "NoticesKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["sns.${split(":", local.topic)[3]}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.credentials_key_arn == null ? [] : [var.credentials_key_arn]

    content {
      sid       = "CredentialsKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.channels_key_arn == null ? [] : [var.channels_key_arn]

    content {
      sid       = "ChannelsKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
      }
    }
  }

  # Lambda makes the network interfaces itself; AWS has no narrower resource for them.
  dynamic "statement" {
    for_each = length(var.subnet_ids) == 0 ? [] : [1]

    content {
      sid = "Network"

      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]

      resources = ["*"]
    }
  }
}

# What alarms and the sweep need besides.
data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "Sweep"
    actions   = ["dynamodb:Query"]
    resources = [for name in ["due", "by-time", "by-time-sharded"] : "${local.state_table_arn}/index/${name}"]
  }

  # CloudWatch shows composite alarms, and their history, only to those who may read all alarms.
  statement {
    sid = "Alarms"
    actions = [
      "cloudwatch:DescribeAlarms",
      "cloudwatch:DescribeAlarmContributors",
      "cloudwatch:DescribeAlarmHistory",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "AlarmTags"
    actions   = ["cloudwatch:ListTagsForResource"]
    resources = ["${local.alarms}*"]
  }
}

data "aws_iam_policy_document" "function" {
  source_policy_documents = [
    data.aws_iam_policy_document.moves.json,
    data.aws_iam_policy_document.alarms.json,
  ]

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_iam_role_policy" "function" {
  name   = "model-rollback"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

data "aws_iam_policy_document" "sweep_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "sweep" {
  name_prefix        = "${var.name}-sweep-"
  assume_role_policy = data.aws_iam_policy_document.sweep_trust.json
}

data "aws_iam_policy_document" "sweep" {
  statement {
    sid       = "Sweep"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.rollback.arn]
  }
}

resource "aws_iam_role_policy" "sweep" {
  name   = "model-rollback-sweep"
  role   = aws_iam_role.sweep.id
  policy = data.aws_iam_policy_document.sweep.json
}
