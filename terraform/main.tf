# The function, what it may do, and what calls it. The same as the construct model-rollback/cdk makes.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.20"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  alarms = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:"

  # The registry, and MLflow in SageMaker that the function itself uses.
  registry       = compact([var.mlflow_registry_uri, var.mlflow_tracking_uri])[0]
  sagemaker_arns = length(compact([var.mlflow_role_arn])) == 0 && startswith(local.registry, "arn:") ? [local.registry] : []

  # Further channels of notices, by what turns each on.
  channels = {
    eventbridge = var.event_bus_arn
    pagerduty   = var.pager_duty_secret_arn
    slack       = var.slack_secret_arn
    teams       = var.teams_secret_arn
    webhook     = var.webhook_url
  }

  # A blank variable counts as not set.
  environment = {
    MLFLOW_TRACKING_URI              = var.mlflow_tracking_uri
    MLFLOW_REGISTRY_URI              = var.mlflow_registry_uri
    MLFLOW_WORKSPACE                 = var.mlflow_workspace
    MLFLOW_TRACKING_SECRET_ARN       = var.credentials_secret_arn
    SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN = var.mlflow_role_arn
    ROLLBACK_STATE_TABLE             = local.state_table
    ALERT_SNS_TOPIC_ARN              = local.topic
    ROLLBACK_SNS_FORMAT              = var.sns_format
    ROLLBACK_CHANNELS                = join(",", [for name, part in local.channels : name if part != null])
    ROLLBACK_SLACK_SECRET_ARN        = var.slack_secret_arn
    ROLLBACK_TEAMS_SECRET_ARN        = var.teams_secret_arn
    ROLLBACK_PAGERDUTY_SECRET_ARN    = var.pager_duty_secret_arn
    ROLLBACK_PAGERDUTY_URL           = var.pager_duty_url
    ROLLBACK_EVENT_BUS               = var.event_bus_arn
    ROLLBACK_WEBHOOK_URL             = var.webhook_url
    ROLLBACK_WEBHOOK_SECRET_ARN      = var.webhook_secret_arn
    ROLLBACK_MODE                    = var.mode
    ROLLBACK_COOLDOWN_HOURS          = var.cooldown_hours
    ROLLBACK_POINTER                 = var.pointer
    ROLLBACK_MODEL_POINTERS          = jsonencode(var.model_pointers)
    ROLLBACK_TARGET_RULE             = var.target_rule
    ROLLBACK_TARGET_MAX_AGE          = var.target_max_age
    ROLLBACK_PROMOTION_EVIDENCE      = var.promotion_evidence
    ROLLBACK_SMOKE_CHECK             = var.smoke_check_function_arn == null ? var.smoke_check_url : var.smoke_check_function_arn
    ROLLBACK_RELOAD                  = var.reload_function_arn == null ? var.reload_url : var.reload_function_arn
    ROLLBACK_BUDGET                  = var.budget
    ROLLBACK_BLAST_RADIUS            = var.blast_radius
    ROLLBACK_CAUSE_CHECK             = var.cause_check
    ROLLBACK_PENDING_ACT_MINUTES     = var.pending_act_minutes
    ROLLBACK_BAKE_MINUTES            = var.bake_minutes
    ROLLBACK_OBSERVE_MINUTES         = var.observe_minutes
    ROLLBACK_EVENT_AGE_MAX_MINUTES   = var.event_age_max_minutes
    ROLLBACK_ALARM_AGE_MIN_MINUTES   = var.alarm_age_min_minutes
    ROLLBACK_WRITE_HORIZON_SECONDS   = var.write_horizon_seconds
    ROLLBACK_MODEL_DIMENSION         = var.model_dimension
    ROLLBACK_ALARM_MODELS            = jsonencode(var.alarm_models)
    ROLLBACK_ALLOWED_ACCOUNTS        = join(",", var.allowed_accounts)
  }

  variables = { for name, value in local.environment : name => tostring(value) if value != null }
}

resource "aws_lambda_function" "rollback" {
  function_name                  = var.name
  description                    = "Rolls MLflow models back: alarms, requests, and what is due"
  role                           = aws_iam_role.function.arn
  filename                       = var.package_file
  source_code_hash               = filebase64sha256(var.package_file)
  handler                        = "index.handler"
  runtime                        = "nodejs24.x"
  architectures                  = ["arm64"]
  memory_size                    = 256
  timeout                        = 120
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = local.variables
  }

  # The dead letter is the event as it was, the failure record has the error: both go to one queue.
  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) == 0 ? [] : [1]

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  # Lambda tries the queue and the network with the role as soon as it makes the function.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = (length(var.subnet_ids) == 0) == (length(var.security_group_ids) == 0)
      error_message = "A function in a network needs subnet_ids and security_group_ids: give both, or none."
    }

    precondition {
      condition     = var.topic_key_arn == null || var.topic_arn != null
      error_message = "topic_key_arn is the key of a topic of yours: give its topic_arn too."
    }

    precondition {
      condition     = var.credentials_key_arn == null || var.credentials_secret_arn != null
      error_message = "credentials_key_arn is the key of a secret: give its credentials_secret_arn too."
    }

    precondition {
      condition     = var.webhook_url == null || var.webhook_secret_arn != null
      error_message = "Signed notices need a key: give webhook_secret_arn too."
    }

    precondition {
      condition     = var.smoke_check_function_arn == null || var.smoke_check_url == null
      error_message = "A hook is a function or an address: give smoke_check_function_arn or smoke_check_url."
    }

    precondition {
      condition     = var.reload_function_arn == null || var.reload_url == null
      error_message = "A hook is a function or an address: give reload_function_arn or reload_url."
    }

    precondition {
      condition     = var.pager_duty_url == null || var.pager_duty_secret_arn != null
      error_message = "pager_duty_url is for a channel: give its pager_duty_secret_arn too."
    }

    precondition {
      condition     = var.channels_key_arn == null || length(compact([var.slack_secret_arn, var.teams_secret_arn, var.pager_duty_secret_arn, var.webhook_secret_arn])) > 0
      error_message = "channels_key_arn is the key of secrets: give the secret of a channel too."
    }

    precondition {
      condition     = var.http_secret_key_arn == null || var.http_secret_arn != null
      error_message = "http_secret_key_arn is the key of a secret: give its http_secret_arn too."
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "rollback" {
  function_name                = aws_lambda_function.rollback.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

# One statement for many alarms: the policy of a function has room for a hundred at most.
resource "aws_lambda_permission" "alarms" {
  statement_id   = "alarms"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.rollback.function_name
  principal      = "lambda.alarms.cloudwatch.amazonaws.com"
  source_account = local.account
  source_arn     = "${local.alarms}${var.alarm_name_prefix}*"
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters.json
}

# What is due: alarms that were refused, notices not sent, runs that were cut off.
resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.name}-sweep"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.rollback.arn
    role_arn = aws_iam_role.sweep.arn
    input    = jsonencode({ sweep = true })

    # One that was missed is made good by the next; repeated ones would pile up.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  depends_on = [aws_iam_role_policy.sweep]
}
