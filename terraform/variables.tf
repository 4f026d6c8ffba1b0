variable "mlflow_tracking_uri" {
  description = "Address of the MLflow server, http or https, with its path prefix and without a login."
  type        = string

  validation {
    condition     = can(regex("^https?://[^@?#\\s]+$", var.mlflow_tracking_uri))
    error_message = "The address must be http or https, without a login, ? and #. Put a login into a secret: credentials_secret_arn."
  }
}

variable "package_file" {
  description = "The zip that `npm run package` writes, dist/model-rollback.zip."
  type        = string
}

variable "name" {
  description = "Name of the function, and the beginning of the names of the rest. Another one for a second in the same account and region."
  type        = string
  default     = "model-rollback"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,24}$", var.name))
    error_message = "The name must have 1 to 24 letters, digits, - and _: roles and schedules add to it."
  }
}

variable "mlflow_registry_uri" {
  description = "Address of the registry, where it is another server."
  type        = string
  default     = null
}

variable "mlflow_workspace" {
  description = "Workspace of the registered models, for MLflow 3.10 and later."
  type        = string
  default     = null
}

variable "credentials_secret_arn" {
  description = "Whole ARN of the secret with the login of MLflow, {\"username\", \"password\"} or {\"token\"}."
  type        = string
  default     = null
}

variable "credentials_key_arn" {
  description = "Customer key that this secret is encrypted with."
  type        = string
  default     = null
}

variable "state_table_name" {
  description = "A state table that is there already; null: one is made."
  type        = string
  default     = null
}

variable "topic_arn" {
  description = "A standard topic for notices, which lets cloudwatch.amazonaws.com publish; null: one is made."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null ? true : !endswith(var.topic_arn, ".fifo")
    error_message = "A FIFO topic reaches no person. Give a standard topic."
  }
}

variable "topic_key_arn" {
  description = "Customer key that this topic is encrypted with."
  type        = string
  default     = null
}

variable "alarm_name_prefix" {
  description = "Alarms whose name begins so may call the function; empty: all of the account and region."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^*?]*$", var.alarm_name_prefix))
    error_message = "The prefix is the beginning of a name, without * and ?."
  }
}

variable "mode" {
  description = "What an alarm does: act; ask: a person says yes first; observe: only told what would have been."
  type        = string
  default     = "act"
  nullable    = false

  validation {
    condition     = contains(["act", "ask", "observe"], var.mode)
    error_message = "The mode must be act, ask or observe."
  }
}

variable "cooldown_hours" {
  description = "Least hours between two rollbacks of one model; 0 switches it off."
  type        = number
  default     = 24
  nullable    = false
}

variable "target_rule" {
  description = "How the version to restore is chosen: last-good or latest-archived."
  type        = string
  default     = "last-good"
  nullable    = false
}

variable "budget" {
  description = "Rollbacks of one model in a time, then it is paused; or off."
  type        = string
  default     = "3/7d"
  nullable    = false
}

variable "blast_radius" {
  description = "Models rolled back by alarms in a time, then all are paused; or off."
  type        = string
  default     = "5/30m"
  nullable    = false
}

variable "cause_check" {
  description = "Whether an alarm is refused that was red before the live version went live: on or off."
  type        = string
  default     = "on"
  nullable    = false
}

variable "pending_act_minutes" {
  description = "A refused alarm is tried again for so long; then people are asked."
  type        = number
  default     = 60
  nullable    = false
}

variable "bake_minutes" {
  description = "After a rollback its alarm is looked at again after this."
  type        = number
  default     = 15
  nullable    = false
}

variable "event_age_max_minutes" {
  description = "An older event acts only when its alarm is still red."
  type        = number
  default     = 60
  nullable    = false
}

variable "alarm_age_min_minutes" {
  description = "Least age of the definition of an alarm that acts; 0 switches it off."
  type        = number
  default     = 0
  nullable    = false
}

variable "write_horizon_seconds" {
  description = "The longest that a sent write may still take effect."
  type        = number
  default     = 60
  nullable    = false
}

variable "model_dimension" {
  description = "Metric dimension, or contributor attribute, that names the registered model."
  type        = string
  default     = "ModelName"
  nullable    = false
}

variable "alarm_models" {
  description = "Registered models of alarms that name none, by the alarm's name, or the beginning of it and *."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets for an MLflow server in a private network."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the function in these subnets."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Copies of the function at once; 0 stops everything; -1: no limit."
  type        = number
  default     = -1
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the logs are kept."
  type        = number
  default     = 90
  nullable    = false
}

variable "self_alarms" {
  description = "Whether there are alarms on the function itself, to the topic."
  type        = bool
  default     = true
  nullable    = false
}
