# The functions that compare, promote and answer HTTP, each only where a variable asks for it.

locals {
  companions = {
    for id, one in {
      compare = {
        is_on       = var.compare == "on"
        description = "Compares two versions of an MLflow model"
        variables   = { for name in local.comparison_variables : name => local.variables[name] if contains(keys(local.variables), name) }
        concurrency = -1
      }
      promote = {
        is_on       = var.promote == "on"
        description = "Promotes versions of MLflow models"
        variables   = local.variables
        concurrency = var.reserved_concurrency
      }
      http = {
        is_on       = var.http_secret_arn != null
        description = "Answers alerts, webhooks and requests by HTTP"
        variables   = merge(local.variables, { ROLLBACK_HTTP_SECRET_ARN = var.http_secret_arn })
        concurrency = var.reserved_concurrency
      }
    } : id => one if one.is_on
  }

  # What a comparison reads: it moves nothing, and sends nothing to the topic, which every function wants.
  comparison_variables = [
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_WORKSPACE",
    "SAGEMAKER_MLFLOW_ASSUME_ROLE_ARN",
    "MLFLOW_TRACKING_SECRET_ARN",
    "ROLLBACK_STATE_TABLE",
    "ALERT_SNS_TOPIC_ARN",
    "ROLLBACK_POINTER",
    "ROLLBACK_MODEL_POINTERS",
  ]

  companion_policies = {
    compare = [data.aws_iam_policy_document.compare.json]
    promote = [data.aws_iam_policy_document.moves.json]
    http = [
      data.aws_iam_policy_document.moves.json,
      data.aws_iam_policy_document.alarms.json,
      data.aws_iam_policy_document.http.json,
    ]
  }
}

resource "aws_lambda_function" "companion" {
  for_each = local.companions

  function_name                  = "${var.name}-${each.key}"
  description                    = each.value.description
  role                           = aws_iam_role.companion[each.key].arn
  filename                       = var.companions_package_file
  source_code_hash               = var.companions_package_file == null ? null : filebase64sha256(var.companions_package_file)
  handler                        = "${each.key}/index.handler"
  runtime                        = "nodejs24.x"
  architectures                  = ["arm64"]
  memory_size                    = 256
  timeout                        = 120
  reserved_concurrent_executions = each.value.concurrency

  environment {
    variables = each.value.variables
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.companion[each.key].name
  }

  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) == 0 ? [] : [1]

    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.companion]

  lifecycle {
    precondition {
      condition     = var.companions_package_file != null
      error_message = "The functions that compare, promote and answer HTTP need their code: set companions_package_file to the path of model-rollback-companions.zip."
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "companion" {
  for_each = local.companions

  function_name                = aws_lambda_function.companion[each.key].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters.arn
    }
  }
}

resource "aws_cloudwatch_log_group" "companion" {
  for_each = local.companions

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "companion" {
  for_each = local.companions

  name_prefix        = "${var.name}-${each.key}-"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json
}

resource "aws_iam_role_policy" "companion" {
  for_each = local.companions

  name   = "model-rollback"
  role   = aws_iam_role.companion[each.key].id
  policy = data.aws_iam_policy_document.companion[each.key].json
}

data "aws_iam_policy_document" "companion" {
  for_each = local.companions

  source_policy_documents = local.companion_policies[each.key]

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.companion[each.key].arn}:*"]
  }
}

data "aws_iam_policy_document" "compare" {
  statement {
    sid       = "State"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:PutItem"]
    resources = [local.state_table_arn]
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
        "sagemaker-mlflow:SetModelVersionTag",
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

data "aws_iam_policy_document" "http" {
  dynamic "statement" {
    for_each = compact([var.http_secret_arn])

    content {
      sid       = "HttpSecret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = compact([var.http_secret_key_arn])

    content {
      sid       = "HttpSecretKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
      }
    }
  }
}

# The function itself checks who calls: senders of alerts show tokens or sign, and know no IAM.
resource "aws_lambda_function_url" "http" {
  count = var.http_secret_arn == null ? 0 : 1

  function_name      = aws_lambda_function.companion["http"].function_name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "http_url" {
  count = var.http_secret_arn == null ? 0 : 1

  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.companion["http"].function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "http" {
  count = var.http_secret_arn == null ? 0 : 1

  statement_id             = "invoke-by-url"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.companion["http"].function_name
  principal                = "*"
  invoked_via_function_url = true
}

# An alert is handed over by an asynchronous invocation of itself.
data "aws_iam_policy_document" "http_self" {
  count = var.http_secret_arn == null ? 0 : 1

  statement {
    sid       = "Self"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.companion["http"].arn]
  }
}

resource "aws_iam_role_policy" "http_self" {
  count = var.http_secret_arn == null ? 0 : 1

  name   = "model-rollback-self"
  role   = aws_iam_role.companion["http"].id
  policy = data.aws_iam_policy_document.http_self[0].json
}
