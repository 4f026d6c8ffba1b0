output "function_name" {
  description = "For `aws lambda invoke`."
  value       = aws_lambda_function.rollback.function_name
}

output "function_arn" {
  description = "The action of an alarm."
  value       = aws_lambda_function.rollback.arn
}

output "role_name" {
  description = "To add rights to, for a queue of your own."
  value       = aws_iam_role.function.name
}

output "state_table" {
  description = "ROLLBACK_STATE_TABLE for the command."
  value       = local.state_table
}

output "topic_arn" {
  description = "Subscribe people to it; ALERT_SNS_TOPIC_ARN for the command."
  value       = local.topic
}

output "dead_letter_queue_url" {
  description = "Events that the function could not handle, as they were and with the error."
  value       = aws_sqs_queue.dead_letters.url
}

output "compare_function_arn" {
  description = "For a state machine; null where compare is off."
  value       = one([for id, made in aws_lambda_function.companion : made.arn if id == "compare"])
}

output "promote_function_arn" {
  description = "For a state machine; null where promote is off."
  value       = one([for id, made in aws_lambda_function.companion : made.arn if id == "promote"])
}

output "http_url" {
  description = "Address for alerts, webhooks and requests; null where http_secret_arn is null."
  value       = one(aws_lambda_function_url.http[*].function_url)
}
