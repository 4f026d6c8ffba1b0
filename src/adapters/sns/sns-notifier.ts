import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { boundedJson } from '../../domain/answer/brief.ts';
import { messageOf } from '../../domain/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { Notice } from '../../domain/record/notice-content.ts';
import type { Deadline } from '../../ports/deadline.ts';
import type { NoticeResult, Notifier } from '../../ports/notifier.ts';
import { chatMessage } from './chat-message.ts';

/** Publishes to a standard SNS topic: a JSON object, with attributes for filter policies. */
export class SNSNotifier implements Notifier {
  readonly channel = 'sns';
  readonly #client: SNSClient;
  readonly #topicArn: string;
  readonly #format: 'json' | 'chat';

  /** @param format `chat`: as Amazon Q Developer in chat applications shows it */
  constructor(client: SNSClient, topicArn: string, format: 'json' | 'chat' = 'json') {
    this.#client = client;
    this.#topicArn = topicArn;
    this.#format = format;
  }

  async send(notice: Notice, deadline: Deadline): Promise<NoticeResult> {
    const leftMs = Math.min(limits.noticeTimeoutMs, deadline.leftMs());
    if (leftMs <= 0) return { kind: 'failed', message: 'no time was left' };
    try {
      await this.#client.send(
        new PublishCommand({
          TopicArn: this.#topicArn,
          Subject: notice.subject,
          // SNS takes 256 KiB with the attributes.
          Message: this.#format === 'chat' ? chatMessage(notice) : boundedJson(notice.message),
          MessageAttributes: Object.fromEntries(
            Object.entries(notice.attributes).map(([name, value]) => [
              name,
              { DataType: 'String', StringValue: value },
            ]),
          ),
        }),
        { abortSignal: AbortSignal.timeout(Math.ceil(leftMs)) },
      );
      return { kind: 'sent' };
    } catch (error) {
      const name = error instanceof Error ? error.name : 'Error';
      return {
        kind: 'failed',
        message: `The notice could not be published to ALERT_SNS_TOPIC_ARN (${this.#topicArn}): ${name}: ${messageOf(error)}`,
      };
    }
  }
}
