variable "mlflow_tracking_uri" {
  description = "Address of the MLflow server, http or https, with its path prefix and without a login, or the ARN of MLflow in SageMaker."
  type        = string

  validation {
    condition     = can(regex("^(https?://[^@?#\\s]+|arn:aws(-us-gov)?:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-(tracking-server|app)/[A-Za-z0-9][A-Za-z0-9_-]*)$", var.mlflow_tracking_uri))
    error_message = "The address must be http or https, without a login, ? and #, or the ARN of a tracking server or an App. Put a login into a secret: credentials_secret_arn."
  }
}

variable "package_file" {
  description = "The zip that `npm run package` writes, dist/model-rollback.zip."
  type        = string
}

variable "name" {
  description = "Name of the function, and the beginning of the names of the rest. A second one in the same account and region needs another name."
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

  validation {
    condition     = var.mlflow_registry_uri == null ? true : can(regex("^(https?://[^@?#\\s]+|arn:aws(-us-gov)?:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-(tracking-server|app)/[A-Za-z0-9][A-Za-z0-9_-]*)?$", var.mlflow_registry_uri))
    error_message = "The address must be http or https, without a login, ? and #, or the ARN of a tracking server or an App."
  }
}

variable "mlflow_workspace" {
  description = "Workspace of the registered models, for MLflow 3.10 and later."
  type        = string
  default     = null

  validation {
    condition     = var.mlflow_workspace == null ? true : can(regex("^([a-z0-9](-?[a-z0-9])*)?$", var.mlflow_workspace))
    error_message = "The workspace must be lower-case letters, digits and single hyphens."
  }
}

variable "mlflow_role_arn" {
  description = "Role to assume for MLflow in SageMaker; null: the function has the rights."
  type        = string
  default     = null

  validation {
    condition     = var.mlflow_role_arn == null ? true : can(regex("^(arn:aws(-us-gov)?:iam::[0-9]{12}:role/.+)?$", var.mlflow_role_arn))
    error_message = "The role must be the ARN of a role."
  }
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
  description = "An existing state table; null: one is created."
  type        = string
  default     = null
}

variable "topic_arn" {
  description = "A standard topic for notices, which lets cloudwatch.amazonaws.com publish; null: one is created."
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

variable "sns_format" {
  description = "Messages of the topic: json; chat: for Amazon Q Developer in chat applications."
  type        = string
  default     = "json"
  nullable    = false

  validation {
    condition     = contains(["json", "chat"], var.sns_format)
    error_message = "The format must be json or chat."
  }
}

variable "slack_secret_arn" {
  description = "Secret with the address of an incoming webhook of Slack, as plain text; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.slack_secret_arn == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.slack_secret_arn))
    error_message = "Give the ARN of the secret."
  }
}

variable "teams_secret_arn" {
  description = "Secret with the address of an incoming webhook of Microsoft Teams, as plain text; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.teams_secret_arn == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.teams_secret_arn))
    error_message = "Give the ARN of the secret."
  }
}

variable "pager_duty_secret_arn" {
  description = "Secret with the integration key of a service in PagerDuty, as plain text; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.pager_duty_secret_arn == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.pager_duty_secret_arn))
    error_message = "Give the ARN of the secret."
  }
}

variable "pager_duty_url" {
  description = "Address of the Events API v2 in another region of PagerDuty."
  type        = string
  default     = null

  validation {
    condition     = var.pager_duty_url == null ? true : can(regex("^https://[^@[:space:]]+$", var.pager_duty_url))
    error_message = "The address must be https, without a login."
  }
}

variable "event_bus_arn" {
  description = "Event bus that gets an event for each notice; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.event_bus_arn == null ? true : can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[/._A-Za-z0-9-]+$", var.event_bus_arn))
    error_message = "Give the ARN of the event bus."
  }
}

variable "webhook_url" {
  description = "Address of a server that gets signed notices; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_url == null ? true : can(regex("^https://[^@[:space:]]+$", var.webhook_url))
    error_message = "The address must be https, without a login."
  }
}

variable "webhook_secret_arn" {
  description = "Secret with the key that signs them, and calls of hooks, as plain text; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.webhook_secret_arn == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.webhook_secret_arn))
    error_message = "Give the ARN of the secret."
  }
}

variable "channels_key_arn" {
  description = "Customer key that the secrets of the channels are encrypted with."
  type        = string
  default     = null
}

variable "alarm_name_prefix" {
  description = "Alarms whose name begins with this may call the function; empty: all of the account and region."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[^*?]*$", var.alarm_name_prefix))
    error_message = "The prefix is the beginning of a name, without * and ?."
  }
}

variable "mode" {
  description = "What an alarm does: act; ask: a person approves first; observe: only reports what it would have done."
  type        = string
  default     = "act"
  nullable    = false

  validation {
    condition     = contains(["act", "ask", "observe"], var.mode)
    error_message = "The mode must be act, ask or observe."
  }
}

variable "cooldown_hours" {
  description = "Minimum hours between two rollbacks of one model; 0 switches it off."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.cooldown_hours >= 0 && var.cooldown_hours <= 8760
    error_message = "The cooldown must be from 0 to 8760 hours."
  }
}

variable "pointer" {
  description = "What names the live version: stage:Production, or alias:NAME."
  type        = string
  default     = "stage:Production"
  nullable    = false

  validation {
    condition     = can(regex("^(stage:Production|alias:[A-Za-z0-9_-]{1,255})$", var.pointer)) && !can(regex("^alias:(latest|v[0-9]+)$", lower(var.pointer)))
    error_message = "The pointer must be stage:Production or alias:NAME; an alias holds letters, digits, _ and -, and is neither latest nor like v3."
  }
}

variable "model_pointers" {
  description = "Pointers of single models, by the model's name, or its beginning and *."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "target_rule" {
  description = "How the version to restore is chosen: last-good or latest-archived."
  type        = string
  default     = "last-good"
  nullable    = false

  validation {
    condition     = contains(["last-good", "latest-archived"], var.target_rule)
    error_message = "The rule must be last-good or latest-archived."
  }
}

variable "target_max_age" {
  description = "A version that was created longer ago is refused as target; or off."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = can(regex("^(off|[1-9][0-9]{0,3}[hd])$", var.target_max_age))
    error_message = "The age must be off, or a time such as 90d or 12h."
  }
}

variable "smoke_check_function_arn" {
  description = "Function that says before a move whether the target works; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.smoke_check_function_arn == null ? true : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$", var.smoke_check_function_arn))
    error_message = "Give the ARN of the function."
  }
}

variable "smoke_check_url" {
  description = "In place of it: an https address. It stands in the settings."
  type        = string
  default     = null

  validation {
    condition     = var.smoke_check_url == null ? true : can(regex("^https://[^@[:space:]]+$", var.smoke_check_url))
    error_message = "The address must be https, without a login."
  }
}

variable "reload_function_arn" {
  description = "Function that makes servers reload after a move; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.reload_function_arn == null ? true : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$", var.reload_function_arn))
    error_message = "Give the ARN of the function."
  }
}

variable "reload_url" {
  description = "In place of it: an https address. It stands in the settings."
  type        = string
  default     = null

  validation {
    condition     = var.reload_url == null ? true : can(regex("^https://[^@[:space:]]+$", var.reload_url))
    error_message = "The address must be https, without a login."
  }
}

variable "budget" {
  description = "Rollbacks of one model in a time, then it is paused; or off."
  type        = string
  default     = "3/7d"
  nullable    = false

  validation {
    condition     = can(regex("^(off|([1-9]|[1-4][0-9]|50)/([1-9][0-9]{0,4}m|[0-9]{1,4}[.][0-9]?[1-9]m|([1-9][0-9]{0,2}|1[0-9]{3})h|[0-9]{1,3}[.][0-9]?[1-9]h|([1-9]|[1-8][0-9]|90)d|[1-8]?[0-9][.][0-9]?[1-9]d))$", var.budget))
    error_message = "The budget must be off, or 1 to 50 in at most 90 days, such as 3/7d."
  }
}

variable "blast_radius" {
  description = "Models rolled back by alarms in a time, then all are paused; or off."
  type        = string
  default     = "5/30m"
  nullable    = false

  validation {
    condition     = can(regex("^(off|([1-9][0-9]?|100)/([1-9][0-9]{0,4}m|[0-9]{1,4}[.][0-9]?[1-9]m|([1-9][0-9]{0,2}|1[0-9]{3})h|[0-9]{1,3}[.][0-9]?[1-9]h|([1-9]|[1-8][0-9]|90)d|[1-8]?[0-9][.][0-9]?[1-9]d))$", var.blast_radius))
    error_message = "The blast radius must be off, or 1 to 100 in at most 90 days, such as 5/30m."
  }
}

variable "cause_check" {
  description = "Whether an alarm is refused that was in ALARM before the live version went live: on or off."
  type        = string
  default     = "on"
  nullable    = false

  validation {
    condition     = contains(["on", "off"], var.cause_check)
    error_message = "The check must be on or off."
  }
}

variable "pending_act_minutes" {
  description = "A refused alarm is tried again for this long; then a person is asked."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.pending_act_minutes >= 0 && var.pending_act_minutes <= 10080
    error_message = "The time must be from 0 to 10080 minutes."
  }
}

variable "bake_minutes" {
  description = "The alarm is read again this long after its rollback."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.bake_minutes >= 0 && var.bake_minutes <= 1440
    error_message = "The time must be from 0 to 1440 minutes."
  }
}

variable "observe_minutes" {
  description = "How often the sweep reads what the pointers of all registered models name. 0 switches that off."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.observe_minutes >= 0 && var.observe_minutes <= 1440
    error_message = "The time must be from 0 to 1440 minutes."
  }
}

variable "event_age_max_minutes" {
  description = "An older event acts only when its alarm is still in ALARM."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.event_age_max_minutes >= 0 && var.event_age_max_minutes <= 10080
    error_message = "The time must be from 0 to 10080 minutes."
  }
}

variable "alarm_age_min_minutes" {
  description = "Minimum age of the definition of an alarm that acts; 0 switches it off."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.alarm_age_min_minutes >= 0 && var.alarm_age_min_minutes <= 10080
    error_message = "The time must be from 0 to 10080 minutes."
  }
}

variable "write_horizon_seconds" {
  description = "The longest time in which a sent write may still take effect."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = can(regex("^([1-9]|[1-9][0-9]|[1-8][0-9]{2}|900)$", var.write_horizon_seconds))
    error_message = "The horizon must be a whole number from 1 to 900."
  }
}

variable "model_dimension" {
  description = "Metric dimension, or contributor attribute, that names the registered model."
  type        = string
  default     = "ModelName"
  nullable    = false
}

variable "alarm_models" {
  description = "Registered models for alarms that name none, by the alarm's name, or its beginning and *."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "allowed_accounts" {
  description = "Other accounts whose alarms may act by a topic or queue; CloudWatch cannot be asked about them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.allowed_accounts : can(regex("^\\d{12}$", account))])
    error_message = "An account has 12 digits."
  }
}

variable "compare" {
  description = "Whether there is a function that compares two versions: on or off."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = contains(["on", "off"], var.compare)
    error_message = "compare is on or off."
  }
}

variable "promote" {
  description = "Whether there is a function that promotes a version: on or off."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = contains(["on", "off"], var.promote)
    error_message = "promote is on or off."
  }
}

variable "promotion_evidence" {
  description = "A promotion requires a comparison that says PROMOTE and is no older, such as 7d; or off."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = can(regex("^(off|[1-9][0-9]{0,3}[hd])$", var.promotion_evidence))
    error_message = "promotion_evidence is off, or a time such as 7d or 12h."
  }
}

variable "http_secret_arn" {
  description = "Secret of the function that answers HTTP, with its tokens, as a whole ARN; null: no such function."
  type        = string
  default     = null
}

variable "http_secret_key_arn" {
  description = "Customer key that this secret is encrypted with; null for the key of AWS."
  type        = string
  default     = null
}

variable "companions_package_file" {
  description = "model-rollback-companions.zip of npm run package, the code of these functions."
  type        = string
  default     = null
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
