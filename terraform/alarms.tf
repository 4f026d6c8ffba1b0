# Alarms on the function itself, so that people learn what is broken before it is needed.

locals {
  of_function = { FunctionName = aws_lambda_function.rollback.function_name }
  of_queue    = { QueueName = aws_sqs_queue.dead_letters.name }
  of_service  = { service = "model-rollback" }

  self_alarms = {
    errors = {
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 1
      text      = "The function ended with an error", dimensions = local.of_function
    }
    throttles = {
      namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1
      text      = "Lambda throttled the function", dimensions = local.of_function
    }
    events-dropped = {
      namespace = "AWS/Lambda", metric = "AsyncEventsDropped", statistic = "Sum", threshold = 1
      text      = "An event was dropped after its retries", dimensions = local.of_function
    }
    dead-letter-errors = {
      namespace = "AWS/Lambda", metric = "DeadLetterErrors", statistic = "Sum", threshold = 1
      text      = "An event was lost: it could not be sent to the dead-letter queue", dimensions = local.of_function
    }
    destination-errors = {
      namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", statistic = "Sum", threshold = 1
      text      = "The failure record of an event could not be sent to the dead-letter queue", dimensions = local.of_function
    }
    event-age = {
      namespace = "AWS/Lambda", metric = "AsyncEventAge", statistic = "Maximum", threshold = 300000
      text      = "Events wait for minutes before the function runs", dimensions = local.of_function
    }
    dead-letters = {
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 1
      text      = "An event that could not be handled is in the dead-letter queue", dimensions = local.of_queue
    }
    notices-not-sent = {
      namespace = "ModelRollback", metric = "NotificationFailed", statistic = "Sum", threshold = 1
      text      = "A notice could not be sent", dimensions = local.of_service
    }
  }

  # Its dead letters and notices are counted above.
  of_http = { for id, made in aws_lambda_function.companion : "FunctionName" => made.function_name if id == "http" }

  http_alarms = {
    http-errors = {
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = 1
      text      = "The HTTP function ended with an error", dimensions = local.of_http
    }
    http-throttles = {
      namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1
      text      = "Lambda throttled the HTTP function", dimensions = local.of_http
    }
    http-events-dropped = {
      namespace = "AWS/Lambda", metric = "AsyncEventsDropped", statistic = "Sum", threshold = 1
      text      = "An event for the HTTP function was dropped after its retries", dimensions = local.of_http
    }
    http-dead-letter-errors = {
      namespace = "AWS/Lambda", metric = "DeadLetterErrors", statistic = "Sum", threshold = 1
      text      = "An event for the HTTP function was lost: it could not be sent to the dead-letter queue", dimensions = local.of_http
    }
    http-destination-errors = {
      namespace = "AWS/Lambda", metric = "DestinationDeliveryFailures", statistic = "Sum", threshold = 1
      text      = "The failure record of an event for the HTTP function could not be sent to the dead-letter queue", dimensions = local.of_http
    }
    http-event-age = {
      namespace = "AWS/Lambda", metric = "AsyncEventAge", statistic = "Maximum", threshold = 300000
      text      = "Events wait for minutes before the HTTP function runs", dimensions = local.of_http
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "self" {
  for_each = var.self_alarms ? merge(local.self_alarms, var.http_secret_arn == null ? {} : local.http_alarms) : {}

  alarm_name          = "${var.name}-self-${each.key}"
  alarm_description   = "model-rollback: ${each.value.text}."
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic]
}

# A function that nobody calls has no data. So a lack of data is reported too; not at the first deployment,
# since an alarm begins without data.
resource "aws_cloudwatch_metric_alarm" "sweep_stopped" {
  count = var.self_alarms ? 1 : 0

  alarm_name                = "${var.name}-self-sweep-stopped"
  alarm_description         = "model-rollback: The sweep does not run: alarms that were refused are not tried again."
  namespace                 = "AWS/Lambda"
  metric_name               = "Invocations"
  dimensions                = local.of_function
  statistic                 = "Sum"
  threshold                 = 1
  period                    = 300
  evaluation_periods        = 3
  comparison_operator       = "LessThanThreshold"
  treat_missing_data        = "missing"
  alarm_actions             = [local.topic]
  insufficient_data_actions = [local.topic]
}
